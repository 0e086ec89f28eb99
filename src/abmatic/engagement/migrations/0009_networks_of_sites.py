"""When somebody unknown last came from a network to a site is asked of each network that waits for its company.

Not built concurrently, as those of 0007.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagement", "0008_new_companies")]
    operations = [
        migrations.AddIndex(
            model_name="websession",
            index=models.Index(
                condition=models.Q(("contact_id__isnull", True)), fields=["network", "site_id", "began_at"],
                name="web_session_by_network",
            ),
        ),
        migrations.RemoveIndex(model_name="websession", name="web_session_of_network"),
    ]  # fmt: skip
