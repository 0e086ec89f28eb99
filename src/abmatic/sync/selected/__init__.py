"""Push to Salesforce for a selection: asked for, previewed by a worker, then carried out by runs limited to it.

A pushed selection obeys all that a scheduled push obeys: what changed in Salesforce is read first, toggles, modes,
required fields, issues and conversions count. Its person chooses two things only: what people who are in Salesforce as
neither become there, and whether records that a push filter leaves out may be pushed now.

People are pushed by two runs, of contacts and of leads, whatever they become: both sides are read before one is made,
and the object that creates comes last. Where the first of them fails the second doesn't start.
"""
