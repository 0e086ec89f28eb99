from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalisation", "0004_removed")]

    operations = [
        migrations.AddIndex(
            "assignment", models.Index(fields=["experience", "variant"], name="experience_assignment_variant")
        ),
        migrations.AddIndex("assignment", models.Index(fields=["assigned_at", "id"], name="experience_assignment_at")),
        # The first has it.
        migrations.AlterField(
            "assignment",
            "experience",
            models.ForeignKey(
                "personalisation.experience", models.CASCADE, related_name="+", db_constraint=False, db_index=False
            ),
        ),
        migrations.AlterField(
            "assignment",
            "variant",
            models.ForeignKey(
                "personalisation.variant", models.DO_NOTHING, null=True, related_name="+", db_constraint=False,
                db_index=False,
            ),  # fmt: skip
        ),
    ]
