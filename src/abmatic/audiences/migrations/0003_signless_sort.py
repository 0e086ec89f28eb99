"""Names are sorted without regard to the signs they begin with. Rebuilds two indexes: seconds at a million rows."""

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audiences', '0002_keys'),
        ('changes', '0001_initial'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='account',
            name='account_by_name',
        ),
        migrations.RemoveIndex(
            model_name='contact',
            name='contact_by_name',
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(django.db.models.functions.comparison.NullIf(django.db.models.functions.text.Lower(django.db.models.functions.text.Left(models.Func('name', models.Value(' \xa0\u3000!"#$&\'()*+,-./:;<=>?@[]^_`{|}~¡¿§«»‹›“”„‘’‚–—…·•（）［］「」『』【】《》〈〉'), function='ltrim', output_field=models.TextField()), 120)), models.Value('')), models.F('id'), name='account_by_name'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(django.db.models.functions.comparison.NullIf(django.db.models.functions.text.Lower(django.db.models.functions.text.Left(models.Func('last_name', models.Value(' \xa0\u3000!"#$&\'()*+,-./:;<=>?@[]^_`{|}~¡¿§«»‹›“”„‘’‚–—…·•（）［］「」『』【】《》〈〉'), function='ltrim', output_field=models.TextField()), 120)), models.Value('')), name='contact_by_name'),
        ),
    ]
