"""Page layout, components, design tokens, static assets and the one renderer; knows no zone and no table."""
