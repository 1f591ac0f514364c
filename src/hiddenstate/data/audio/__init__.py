"""From recordings to features: reading, log-mel spectrograms whole and streamed, augmentation, a cache.

reading.py      a file of any format, rate and number of channels -> samples at one rate, or what is wrong
riff.py         what the header of a WAV file says, held against the file
resampling.py   samples at one rate -> samples at another
features.py     what features are (`Features`), of a whole recording or chunk by chunk
mel.py          samples -> logarithms of mel energies
normalising.py  slopes over time, and means and deviations taken out
augment.py      recordings changed in training: speed, noise, masks
cache.py        features of many recordings, kept on disk
"""
