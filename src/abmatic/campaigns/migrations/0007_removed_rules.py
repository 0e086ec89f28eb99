from django.db import migrations, models

# Those that were removed would be there again.
DELETE_HITS = "DELETE FROM campaign_rule_hit WHERE rule_id IN (SELECT id FROM campaign_rule WHERE removed_at IS NOT NULL)"
DELETE = "DELETE FROM campaign_rule WHERE removed_at IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_hits_of_people")]

    operations = [
        migrations.AddField("campaignrule", "caught_up_at", models.DateTimeField(null=True)),
        migrations.AddField("campaignrule", "removed_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("campaignrule", "campaign_rule_once"),
        migrations.AddConstraint(
            "campaignrule",
            models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("campaign", "kind", "likeness"),
                name="campaign_rule_once",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, [DELETE_HITS, DELETE, "SET CONSTRAINTS ALL IMMEDIATE"]),
    ]
