"""The SOAP API, partner and enterprise flavour, as far as REST has nothing for it or clients still sign in by it.

Operations that are not here are refused with a fault; there is no WSDL.
"""
