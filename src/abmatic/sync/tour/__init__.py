"""The guided tour of the demo: five things that a person does on the real pages, noticed in the real data.

Nothing is done for anybody, and nothing is played: what happened is looked up where it would be in any installation, in
changes, runs, writes, findings and issues. Only what came after a step began counts, told by the newest ids of then.

`steps` says what is there to be seen of a step, `going` moves on, `allowing` switches on what the steps need by the
same door as the settings page, and `rule` is the validation rule that the demo's org has for it.
"""
