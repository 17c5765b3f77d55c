"""The web page's entry point: theme, navigation, and the frame around every page."""

from __future__ import annotations

import streamlit as st

from webapp.elements.frame import LOGO, STYLE, foot

# The folder is not called `pages`: Streamlit would then open its files without this frame, for a visitor who follows
# a link to one of them before anybody has opened the start page.
# Without icons: a browser would fetch an icon of the font, as the tab's, from fonts.gstatic.com.
PAGES = [
    st.Page("views/overview.py", title="Overview", default=True),
    st.Page("views/recommendations.py", title="Recommendations"),
    st.Page("views/for_you.py", title="For you", url_path="for-you"),
    st.Page("views/for_two.py", title="For two", url_path="for-two"),
    st.Page("views/film_map.py", title="Map", url_path="map"),
    st.Page("views/analytics.py", title="Analytics"),
    st.Page("views/models.py", title="Models"),
]


def main() -> None:
    """Draw the page that the visitor chose, with logo, navigation and footer."""
    page = st.navigation(PAGES, position="top")
    st.set_page_config(page_title=f"{page.title} · MovieLens recommender", page_icon=LOGO, layout="wide")
    st.html(STYLE)
    st.logo(LOGO, size="large")
    page.run()
    foot()


if __name__ == "__main__":
    main()
