"""The audit log tells of sites that are tracked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0007_sent_forms")]
    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="about",
            field=models.TextField(
                choices=[
                    ("user", "Users"),
                    ("sign_in", "Sign-in"),
                    ("api_key", "API keys"),
                    ("connection", "Connections"),
                    ("settings", "Settings"),
                    ("notification", "Notifications"),
                    ("site", "Web tracking"),
                ]
            ),
        ),
    ]
