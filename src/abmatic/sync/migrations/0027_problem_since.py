"""Since when a connection has the problem that it has."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0026_origins_due")]
    operations = [
        migrations.AddField(
            model_name="connection", name="problem_since", field=models.DateTimeField(null=True)
        ),
    ]
