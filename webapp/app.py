"""The web page's entry point: theme, navigation, and the frame around every page."""

from __future__ import annotations

import streamlit as st

from webapp.frame import LOGO, STYLE, foot

PAGES = [
    st.Page("pages/overview.py", title="Overview", icon=":material/theaters:", default=True),
    st.Page("pages/recommendations.py", title="Recommendations", icon=":material/movie:"),
    st.Page("pages/analytics.py", title="Analytics", icon=":material/bar_chart:"),
    st.Page("pages/models.py", title="Models", icon=":material/science:"),
]


def main() -> None:
    """Draw the chosen page."""
    st.set_page_config(page_title="MovieLens recommender", page_icon=LOGO, layout="wide")
    st.html(STYLE)
    st.logo(LOGO, size="large")
    page = st.navigation(PAGES, position="top")
    page.run()
    foot()


if __name__ == "__main__":
    main()
