from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0004_receipts'),
    ]

    operations = [
        migrations.AddField(
            model_name='paymentcollection',
            name='credit_used_at',
            field=models.DateTimeField(blank=True, help_text='When account credit was put on its invoices: what is left since is another payment.', null=True),
        ),
    ]
