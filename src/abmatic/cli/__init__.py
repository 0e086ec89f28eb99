"""The command line: `abmatic`. A file per command, loaded only when it's called; see `main` for the table of them.

Exit codes, the same for every command:

0   done
1   the work failed; the message says why
2   wrong usage: an unknown command or option, a bad value
3   not ready: something around Abmatic must be put right first (database, migrations, a setting, a taken port)
130 interrupted by Ctrl-C
"""
