"""The web page's entry point: theme, navigation, and the frame around every page."""

from __future__ import annotations

import streamlit as st

from webapp.elements.frame import LOGO, STYLE, foot

# The folder is not called `pages`: Streamlit would then open its files without this frame, for a visitor who follows
# a link to one of them before anybody has opened the start page.
PAGES = [
    st.Page("views/overview.py", title="Overview", icon=":material/theaters:", default=True),
    st.Page("views/recommendations.py", title="Recommendations", icon=":material/movie:"),
    st.Page("views/for_you.py", title="For you", icon=":material/favorite:", url_path="for-you"),
    st.Page("views/for_two.py", title="For two", icon=":material/group:", url_path="for-two"),
    st.Page("views/film_map.py", title="Map", icon=":material/map:", url_path="map"),
    st.Page("views/analytics.py", title="Analytics", icon=":material/bar_chart:"),
    st.Page("views/models.py", title="Models", icon=":material/science:"),
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
