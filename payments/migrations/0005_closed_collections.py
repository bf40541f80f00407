from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0004_receipts'),
    ]

    operations = [
        migrations.AddField(
            model_name='paymentcollection',
            name='closed_at',
            field=models.DateTimeField(blank=True, help_text='When credit or late money paid a part of it: what is left since is another payment.', null=True),
        ),
    ]
