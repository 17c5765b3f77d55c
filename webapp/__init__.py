"""The web page: Streamlit pages that reach the model through the HTTP interface alone."""
