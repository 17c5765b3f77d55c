"""Building blocks of the pages: film cards, the film picker, filter controls, drawn posters."""
