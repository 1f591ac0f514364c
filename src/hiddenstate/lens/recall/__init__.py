"""WHO REMEMBERS LONGER? Networks side by side at delayed recall: show a symbol, disturb, ask for it.

task.py         what is drawn, and what is asked
plan.py         which networks are compared, and what is refused before any training
training.py     one network learns one delay, and is judged
gradients.py    how much of the gradient arrives at each distance from the end
comparison.py   all of it: `lens.compare`
view.py         what was found, in numbers and words
picture.py      and on paper
watch.py        what a person sees meanwhile

Nothing here imports torch until `compare` trains.
"""
