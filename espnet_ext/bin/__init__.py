"""Commands: argument parsing and nothing else.

A command parses its arguments before it imports the modules that do the work. Importing torch, transformers, pandas
or matplotlib takes seconds; `--help` and wrong arguments must not wait for them.
"""
