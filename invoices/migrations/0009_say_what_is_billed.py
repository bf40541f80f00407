from django.db import migrations
from django.db.models import Exists, OuterRef


def say_what_is_billed(apps, schema_editor):
    """Charges that stand on a live line say so."""
    charges = apps.get_model('accounts', 'AccountLineItem').objects
    lines = apps.get_model('invoices', 'InvoiceLineItem').objects
    live = lines.filter(account_line_item=OuterRef('pk'), is_live=True)
    charges.filter(Exists(live)).update(is_billed=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_billed_charges'),
        ('invoices', '0008_recurring_invoices'),
    ]

    operations = [
        migrations.RunPython(say_what_is_billed, migrations.RunPython.noop),
    ]
