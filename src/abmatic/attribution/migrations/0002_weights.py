"""Names of columns that begin with ``custom_`` are those of custom fields."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("attribution", "0001_initial")]
    operations = [
        migrations.RenameField("attributionsetting", f"custom_{part}", f"weight_{part}")
        for part in ("first", "lead", "opportunity", "last", "others")
    ]
