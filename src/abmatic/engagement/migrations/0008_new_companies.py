from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagement", "0007_filters")]
    operations = [
        migrations.AddField(model_name="newpeople", name="companies", field=models.IntegerField(default=0)),
    ]
