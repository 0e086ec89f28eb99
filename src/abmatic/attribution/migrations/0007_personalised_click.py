from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0006_due")]
    operations = [
        migrations.AlterField(
            model_name="touch",
            name="kind",
            field=models.TextField(
                choices=[
                    ("visit", "Visit"),
                    ("form", "Form"),
                    ("campaign_response", "Campaign response"),
                    ("personalised", "Saw personalised content"),
                    ("personalised_click", "Clicked personalised content"),
                ]
            ),
        ),
    ]
