"""The operations of reference document 000, as they are published."""

GET_ACCOUNTS = """query GetCustomerAccounts {
getCustomerAccounts
}"""

CREATE_INVOICE = """mutation CreateInvoiceFromLineItems($accountId: ID!, $regionId: ID!, $lineItemIds: [ID!]!, $dueDate: String) {
createInvoiceFromLineItems(accountId: $accountId, regionId: $regionId, lineItemIds: $lineItemIds, dueDate: $dueDate) {
success
invoice {
id
invoiceNumber
title
description
totalAmount
formattedTotal
status
dueDate
createdAt
currency {
code
symbol
}
lineItems {
id
accountLineItem {
id
description
orderDisplayId
itemCount
}
}
itemCount
}
message
error
}
}"""  # noqa: E501 as published

CREATE_SESSIONS = """mutation CreateInvoicePaymentSessions($invoiceId: ID!) {
createInvoicePaymentSessions(invoiceId: $invoiceId) {
id
paymentCollection {
id
paymentSessions {
id
isSelected
isInitiated
amount
data
paymentProvider {
id
code
}
}
}
}
}"""

INITIATE = """mutation InitiateInvoicePaymentSession($invoiceId: ID!, $paymentProviderId: String!) {
initiateInvoicePaymentSession(invoiceId: $invoiceId, paymentProviderId: $paymentProviderId) {
id
data
amount
isInitiated
}
}"""

COMPLETE = """mutation CompleteInvoicePayment($paymentSessionId: ID!) {
completeInvoicePayment(paymentSessionId: $paymentSessionId) {
id
status
success
message
error
}
}"""
