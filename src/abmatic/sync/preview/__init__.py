"""Preview: what a run would write on either side, and nothing is written.

The run's own code in one transaction that is rolled back: what changed in Salesforce is read and applied, then what is
due is compared with what that leaves, and the writes are planned and not sent. So a preview can't promise what a run
would not do. It holds the object's lock: a run of the same object waits for its end.

A window that a run reads by REST is looked at whole. Of a larger one either the first records are looked at, at once,
or all of it is (``whole``), by a bulk job, which takes as long as the run. Batches without an answer are left alone.
Objects are previewed one by one: what a run of Account would make here is not there yet for the preview of Contact.
"""

from abmatic.sync.preview.found import SAMPLES, NotPreviewed, Preview, Sample
from abmatic.sync.preview.looking import preview

__all__ = ["SAMPLES", "NotPreviewed", "Preview", "Sample", "preview"]
