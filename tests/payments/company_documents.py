"""Documents of reference 001: the examples that its readers write."""

GET_INVOICES = """query GetInvoices {
invoices {
pageInfo {
hasNextPage
hasPreviousPage
startCursor
endCursor
}
totalCount
edges {
node {
id
invoiceNumber
createdAt
customerId
dueDate
status
orderNumber
purchaseOrderNumber
details
pendingPaymentCount
originalBalance {
code
value
}
openBalance {
code
value
}
}
}
}
}"""

GET_PAYMENTS = """query GetPayments {
invoicePayments {
pageInfo {
hasNextPage
hasPreviousPage
startCursor
endCursor
}
totalCount
edges {
node {
id
createdAt
totalCode
totalAmount
payerName
processingStatus
companyId
companyName
paymentReceiptSet {
edges {
node {
id
createdAt
customerId
totalCode
totalAmount
payerName
paymentId
paymentType
receiptLineSet {
edges {
node {
id
createdAt
customerId
receiptId
paymentId
invoiceId
invoiceNumber
amount
paymentType
}
}
}
}
}
}
}
}
}
}"""

EVERY_FIELD = """
id createdAt updatedAt storeHash customerId externalId externalCustomerId invoiceNumber type dueDate status
orderNumber purchaseOrderNumber details pendingPaymentCount source originalBalance { code value }
openBalance { code value } notAllowedPay bcInformation extraFields { fieldName fieldValue } timeOffset
storeInfo { name firstName lastName address country countryCode phone adminEmail } channelId channelName
companyInfo { companyId companyName companyAddress companyCountry companyState companyCity companyZipCode
phoneNumber bcId } orderUserId
"""

ONE = "query ($id: Int!) { invoice(invoiceId: $id) {" + EVERY_FIELD + "} }"

CART = """mutation ($data: CartData!) {
invoiceCreateBcCart(bcCartData: $data) { result { checkoutUrl cartId } }
}"""
FINISH = """mutation ($id: Int!, $comment: String) {
invoiceFinishBcPayment(orderId: $id, comment: $comment) { result }
}"""
EXPORT = """mutation ($data: InvoiceFilterDataType, $lang: String) {
invoicesExport(invoiceFilterData: $data, lang: $lang) { url }
}"""
PDF = "mutation ($id: Int!, $pay: Boolean) { invoicePdf(invoiceId: $id, isPayNow: $pay) { url } }"
