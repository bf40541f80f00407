"""HTML to PDF: sealed from network and disk, archivable (PDF/A-3b) and readable to all (PDF/UA-1)."""

from base64 import b64decode
from functools import lru_cache
from threading import Lock

from weasyprint import CSS, HTML, Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from invoices.documents.fonts import ASSETS, FONTS

# The PDF/A archivist accepts a mark it does not know only with its description.
PDF_UA = b"""
<rdf:Description xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" rdf:about="" pdfuaid:part="1" />
<rdf:Description xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
  xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
  xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#" rdf:about="">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the document follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""

_one_at_a_time = Lock()  # threads share the fonts


PICTURE = "data:image/png;base64,"  # the logo, which stands in the page itself


class BundledOnly(URLFetcher):
    """Hands out the bundled fonts and what stands in the page itself, and refuses every other address."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        if url.startswith(PICTURE):
            return URLFetcherResponse(
                url, b64decode(url.removeprefix(PICTURE)), {"Content-Type": "image/png"}
            )
        for font in FONTS:
            if url == font.as_uri():
                return URLFetcherResponse(url, font.read_bytes())
        raise ValueError(f"A document fetches nothing: {url[:200]}")


@lru_cache(maxsize=1)
def _look() -> tuple[FontConfiguration, CSS, BundledOnly]:
    """Fonts and style sheet, read once per process."""
    fonts, fetcher = FontConfiguration(), BundledOnly()
    sheet = ASSETS / "paper.css"
    css = CSS(string=sheet.read_text(), base_url=sheet.as_uri(), font_config=fonts, url_fetcher=fetcher)
    return fonts, css, fetcher


def print_pdf(html: str) -> bytes:
    """The PDF of a page made from documents/paper.html; the same text gives the same bytes."""
    with _one_at_a_time:
        fonts, css, fetcher = _look()
        page = HTML(string=html, url_fetcher=fetcher)
        document = page.render(font_config=fonts, stylesheets=[css], pdf_variant="pdf/a-3b", pdf_tags=True)
        _declare_pdf_ua(document)
        return document.write_pdf(pdf_variant="pdf/a-3b", pdf_tags=True)


def _declare_pdf_ua(document: Document) -> None:
    """One variant writes one kind of metadata, so the other mark is put into what it writes."""
    generate = document.metadata.generate_rdf_metadata

    def with_pdf_ua(variant: str, version: int, conformance: str) -> bytes:
        return generate(variant, version, conformance).replace(b"</rdf:RDF>", PDF_UA + b"</rdf:RDF>")

    document.metadata.generate_rdf_metadata = with_pdf_ua
