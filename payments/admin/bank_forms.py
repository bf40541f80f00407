"""What staff send along with a bank statement or with decisions on its lines."""

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms import CharField, FileField, Form, HiddenInput, ModelChoiceField
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from payments.bank import LARGEST_FILE
from payments.models import BankMapping


class ImportForm(Form):
    """A file; for a bank's own table also how it is read."""

    file = FileField(label="File: CAMT.053, MT940 or CSV", widget=UnfoldAdminFileFieldWidget())
    mapping = ModelChoiceField(
        BankMapping.objects.all(),
        required=False,
        empty_label="CAMT.053 or MT940: no mapping",
        label="Mapping of columns, for CSV",
        widget=UnfoldAdminSelectWidget(),
    )

    def clean_file(self) -> UploadedFile:
        """What is too large is not read at all."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise ValidationError(f"The file is larger than {LARGEST_FILE // 1024 // 1024} MB")
        return file


class AcceptForm(Form):
    """The code of the proposal that the page showed."""

    shown = CharField(widget=HiddenInput(), max_length=500)
