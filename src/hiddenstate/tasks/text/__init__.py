"""WHAT DO TASKS ON TEXTS SHARE? Words as numbers, what is read out of them, when to say "none of these"."""
