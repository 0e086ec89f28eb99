"""Visits by links that name a campaign are found by the name when one is made or renamed.

Not built concurrently, as those of 0007.
"""

from django.db import migrations, models
from django.db.models.functions import Lower, Trim


class Migration(migrations.Migration):
    dependencies = [("engagement", "0009_networks_of_sites")]
    operations = [
        migrations.AddIndex(
            model_name="websession",
            index=models.Index(
                Lower(Trim("campaign")), condition=models.Q(("campaign__isnull", False)), name="web_session_of_campaign"
            ),
        ),
    ]
