import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Who is forgotten on the website is forgotten here.
FORGET = """
ALTER TABLE campaign_rule_hit ADD CONSTRAINT campaign_rule_hit_of_visitor
    FOREIGN KEY (visitor_id) REFERENCES visitor (id) ON DELETE CASCADE
"""


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0003_lives_on"),
        ("engagement", "0004_session_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CampaignRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("page", "Visits a page"),
                            ("form", "Submits a form"),
                            ("event", "Does a tracked event"),
                            ("click", "Clicks this campaign’s personalised content"),
                        ]
                    ),
                ),
                ("pattern", models.TextField(blank=True, default="")),
                ("likeness", models.TextField()),
                ("status", models.TextField(null=True)),
                ("joins", models.BooleanField(db_default=False, default=False)),
                ("counts_from", models.DateTimeField()),
                ("read_tx", models.BigIntegerField(db_default=0, default=0)),
                ("read_event", models.UUIDField(default=uuid.UUID(int=0))),
                ("problem", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "campaign_rule",
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "kind", "likeness"), name="campaign_rule_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="CampaignRuleHit",
            fields=[
                ("pk", models.CompositePrimaryKey("rule_id", "event", primary_key=True, serialize=False)),
                ("event", models.UUIDField()),
                ("visitor_id", models.BigIntegerField()),
                ("site_id", models.BigIntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("contact_id", models.BigIntegerField(null=True)),
                ("is_settled", models.BooleanField(db_default=False, default=False)),
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
                    models.Index(fields=["visitor_id", "site_id", "occurred_at"], name="campaign_rule_hit_at"),
                    models.Index(
                        condition=models.Q(("contact_id__isnull", False), ("is_settled", False)),
                        fields=["rule", "contact_id"],
                        name="campaign_rule_hit_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RulesFollowed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sessions", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "campaign_rules_followed"},
        ),
        migrations.RunSQL(
            FORGET, "ALTER TABLE campaign_rule_hit DROP CONSTRAINT campaign_rule_hit_of_visitor"
        ),
    ]
