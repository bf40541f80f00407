"""What reminders say where the merchant wrote no text of their own, in the languages of customers."""

REMINDER_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "reminder_subject": "Reminder: invoice {number}, {amount} still open",
        "reminder_text": "Of invoice {number}, {amount} is still open. The due date is {due_date}.",
        "reminder_open": "Still open",
        "reminder_days": "Days overdue",
        "reminder_fee": "Reminder fee",
        "reminder_fee_billed": "The reminder fee is on your account and comes on your next invoice.",
        "reminder_crossed": "If you have paid in the last few days, this letter and your payment crossed.",
    },
    "de": {
        "reminder_subject": "Zahlungserinnerung: Rechnung {number}, {amount} noch offen",
        "reminder_text": "Von Rechnung {number} sind noch {amount} offen. Das Fälligkeitsdatum ist der "
        "{due_date}.",
        "reminder_open": "Noch offen",
        "reminder_days": "Tage überfällig",
        "reminder_fee": "Mahngebühr",
        "reminder_fee_billed": "Die Mahngebühr ist Ihrem Konto belastet und kommt auf Ihre nächste Rechnung.",
        "reminder_crossed": "Falls Sie in den letzten Tagen bezahlt haben, hat sich dieses Schreiben mit "
        "Ihrer Zahlung überschnitten.",
    },
    "fr": {
        "reminder_subject": "Rappel\u00a0: facture {number}, {amount} encore à payer",
        "reminder_text": "Sur la facture {number}, {amount} restent à payer. La date d’échéance est le "
        "{due_date}.",
        "reminder_open": "Reste à payer",
        "reminder_days": "Jours de retard",
        "reminder_fee": "Frais de rappel",
        "reminder_fee_billed": "Les frais de rappel sont portés à votre compte et figureront sur votre "
        "prochaine facture.",
        "reminder_crossed": "Si vous avez payé ces derniers jours, cette lettre a croisé votre paiement.",
    },
    "es": {
        "reminder_subject": "Recordatorio: factura {number}, {amount} pendientes",
        "reminder_text": "De la factura {number} quedan {amount} por pagar. La fecha de vencimiento es el "
        "{due_date}.",
        "reminder_open": "Pendiente",
        "reminder_days": "Días de retraso",
        "reminder_fee": "Gastos de recordatorio",
        "reminder_fee_billed": "Los gastos de recordatorio están cargados en su cuenta y aparecerán en su "
        "próxima factura.",
        "reminder_crossed": "Si ha pagado en los últimos días, esta carta se ha cruzado con su pago.",
    },
    "it": {
        "reminder_subject": "Sollecito: fattura {number}, {amount} ancora da pagare",
        "reminder_text": "Della fattura {number} restano da pagare {amount}. La data di scadenza è il "
        "{due_date}.",
        "reminder_open": "Ancora da pagare",
        "reminder_days": "Giorni di ritardo",
        "reminder_fee": "Spese di sollecito",
        "reminder_fee_billed": "Le spese di sollecito sono addebitate sul suo conto e compariranno nella "
        "prossima fattura.",
        "reminder_crossed": "Se ha pagato negli ultimi giorni, questa lettera si è incrociata con il "
        "pagamento.",
    },
    "nl": {
        "reminder_subject": "Herinnering: factuur {number}, {amount} staat nog open",
        "reminder_text": "Van factuur {number} staat nog {amount} open. De vervaldatum is {due_date}.",
        "reminder_open": "Nog open",
        "reminder_days": "Dagen te laat",
        "reminder_fee": "Herinneringskosten",
        "reminder_fee_billed": "De herinneringskosten staan op uw rekening en komen op uw volgende factuur.",
        "reminder_crossed": "Als u de afgelopen dagen hebt betaald, hebben deze brief en uw betaling elkaar "
        "gekruist.",
    },
    "ja": {
        "reminder_subject": "お支払いのご確認：請求書 {number}、{amount} が未払いです",
        "reminder_text": "請求書 {number} のうち {amount} が未払いです。お支払期限は {due_date} です。",
        "reminder_open": "未払い額",
        "reminder_days": "期限からの日数",
        "reminder_fee": "督促手数料",
        "reminder_fee_billed": "督促手数料はアカウントに計上され、次回の請求書に記載されます。",
        "reminder_crossed": "数日以内にお支払い済みの場合は、行き違いですのでご容赦ください。",
    },
    "ar": {
        "reminder_subject": "تذكير: الفاتورة {number}، المبلغ المتبقي {amount}",
        "reminder_text": "ما زال مبلغ {amount} من الفاتورة {number} غير مدفوع. تاريخ الاستحقاق هو "
        "{due_date}.",
        "reminder_open": "المبلغ المتبقي",
        "reminder_days": "أيام التأخير",
        "reminder_fee": "رسوم التذكير",
        "reminder_fee_billed": "قُيّدت رسوم التذكير على حسابكم وستظهر في فاتورتكم التالية.",
        "reminder_crossed": "إذا كنتم قد دفعتم خلال الأيام الأخيرة فقد تقاطعت هذه الرسالة مع دفعتكم.",
    },
}
