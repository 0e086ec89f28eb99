from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sync', '0019_run_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='selectedpush',
            name='insists',
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('reason__in', ['changed_after_save', 'conflict', 'converted', 'duplicate', 'merged_in_salesforce', 'undo_changed_here', 'undo_changed_there', 'vanished_in_salesforce'])), fields=['local_id', '-id'], name='finding_of_record'),
        ),
        migrations.AddIndex(
            model_name='issue',
            index=models.Index(fields=['sobject', 'local_id', '-id'], name='issue_of_record'),
        ),
    ]
