from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0007_personalised_click")]
    operations = [
        migrations.AddIndex(
            model_name="touch",
            index=models.Index(
                condition=models.Q(("campaign_id__isnull", False)), fields=["campaign_id"], name="touch_of_campaign"
            ),
        ),
    ]
