"""Addresses of payments: the account, paying, one invoice."""

from django.urls import path

from payments import views

urlpatterns = [
    path("files/<str:link>/<str:name>", views.file, name="file"),
    path("account/", views.accounts, name="accounts"),
    path("account/<str:number>/", views.account, name="account"),
    path("account/<str:number>/pay/", views.choose_region, name="pay_region"),
    path("account/<str:number>/pay/sum/", views.selected_sum, name="pay_sum"),
    path("account/<str:number>/pay/<int:pk>/", views.pay, name="pay"),
    path("account/<str:number>/pay/<int:pk>/method/", views.method, name="pay_method"),
    path("account/<str:number>/pay/<int:pk>/credit/", views.use_credit, name="pay_credit"),
    path("account/<str:number>/pay/<int:pk>/renew/", views.renew, name="pay_renew"),
    path("account/<str:number>/pay/<int:pk>/complete/", views.complete, name="pay_complete"),
    path("account/<str:number>/pay/<int:pk>/state/", views.state, name="pay_state"),
    path("account/<str:number>/pay/<int:pk>/return/", views.return_from_provider, name="pay_return"),
    path("account/<str:number>/payments/", views.payments, name="payments"),
    path("account/<str:number>/payments/<int:pk>/", views.payment, name="payment"),
    path("account/<str:number>/payments/<int:pk>/pdf/", views.receipt_pdf, name="receipt_pdf"),
    path("account/<str:number>/statement/", views.statement, name="statement"),
    path("account/<str:number>/statement/csv/", views.statement_csv, name="statement_csv"),
    path("account/<str:number>/statement/pdf/", views.statement_pdf, name="statement_pdf"),
    path("account/<str:number>/invoices/", views.invoices, name="invoices"),
    path("account/<str:number>/invoices/export/", views.export, name="invoices_export"),
    path("account/<str:number>/invoices/pay/", views.pay_several, name="invoices_pay"),
    path("account/<str:number>/invoices/<int:pk>/", views.invoice, name="invoice"),
    path("account/<str:number>/invoices/<int:pk>/pdf/", views.invoice_pdf, name="invoice_pdf"),
    path(
        "account/<str:number>/invoices/<int:pk>/pdf/state/", views.invoice_pdf_state, name="invoice_pdf_state"
    ),
    path("account/<str:number>/credit-notes/<int:pk>/pdf/", views.credit_note_pdf, name="credit_note_pdf"),
    path("account/<str:number>/invoices/<int:pk>/pay/", views.invoice_pay, name="invoice_pay"),
]
