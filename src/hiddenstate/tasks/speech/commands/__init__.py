"""WAS IT ONE OF THESE COMMANDS? A list of commands is spotted in endless sound; all else is refused.

The network has one symbol for each whole command, one for any other word, and CTC's blank for what is no
word (after Fernández, Graves and Schmidhuber 2007: keyword spotting with recurrent networks, which are
trained to tell keywords from all else rather than to write everything down).

    listed.py    the list: read, checked, found in transcripts
    material.py  what is learned from: commands among all else, one behind another, with what has to be made
    spotting.py  probabilities of symbols -> commands with a score, step by step
    spotter.py   what a run answers with
    judging.py   misses and false alarms an hour over thresholds; the threshold
    reporting.py what is told of it
"""
