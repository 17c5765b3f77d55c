"""Bundles around fitted models: builder, extras, prebuilt neighbours."""
