"""What would mislead training? Findings about rows, each with its row number and what could stand there.

findings.py    what a finding is, the table of their kinds, and which of them mislead
reading.py     a file as `hiddenstate data check` reads it: rows that can be used, findings on the others
texts.py       the same text under two labels or in two splits, exactly or nearly
labels.py      labels that differ only in writing, that are too rare, or that come from the wrong column
signs.py       scripts that do not belong together, damaged signs, texts that say nothing or too much
correction.py  the findings as a CSV for a spreadsheet
"""
