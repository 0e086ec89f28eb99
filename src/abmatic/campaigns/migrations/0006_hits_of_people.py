"""A rule keeps a row a person and browser, not one for everything that was done; and catches up by time."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE TEMP TABLE kept_hit ON COMMIT DROP AS
SELECT rule_id, contact_id, visitor_id, max(occurred_at) AS last_at,
       max(occurred_at) FILTER (WHERE is_settled) AS settled_to,
       min(occurred_at) FILTER (WHERE NOT is_settled) AS open_since
  FROM campaign_rule_hit WHERE contact_id IS NOT NULL GROUP BY rule_id, contact_id, visitor_id
"""
# Who is forgotten on the website is forgotten here.
PUT_BACK = """
INSERT INTO campaign_rule_hit (rule_id, contact_id, visitor_id, last_at, settled_to, open_since)
SELECT rule_id, contact_id, visitor_id, last_at, settled_to, open_since FROM kept_hit;
ALTER TABLE campaign_rule_hit ADD CONSTRAINT campaign_rule_hit_goes_with_visitor
    FOREIGN KEY (visitor_id) REFERENCES visitor (id) ON DELETE CASCADE
"""
# What strangers did was kept too: it is read again once they are known. How far a rule had read is told otherwise now.
CATCH_UP = "UPDATE campaign_rule SET catches_up_from = counts_from - interval '1 day'"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_personalised_content")]

    operations = [
        migrations.AddField("campaignrule", "catches_up_from", models.DateTimeField(null=True)),
        migrations.RemoveField("campaignrule", "read_tx"),
        migrations.RemoveField("campaignrule", "read_event"),
        migrations.RunSQL(CATCH_UP, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
        migrations.DeleteModel("CampaignRuleHit"),
        migrations.CreateModel(
            name="CampaignRuleHit",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "rule_id", "contact_id", "visitor_id", primary_key=True, serialize=False
                    ),
                ),
                ("contact_id", models.BigIntegerField()),
                ("visitor_id", models.BigIntegerField()),
                ("last_at", models.DateTimeField()),
                ("settled_to", models.DateTimeField(null=True)),
                ("open_since", models.DateTimeField(null=True)),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hits",
                        to="campaigns.campaignrule",
                    ),
                ),
            ],
            options={
                "db_table": "campaign_rule_hit",
                "indexes": [
                    models.Index(fields=["visitor_id", "rule"], name="campaign_rule_hit_of_visitor"),
                    models.Index(
                        condition=models.Q(("open_since__isnull", False)),
                        fields=["rule", "contact_id"],
                        name="campaign_rule_hit_waiting",
                    ),
                ],
            },
        ),
        migrations.RunSQL(PUT_BACK, migrations.RunSQL.noop),
    ]
