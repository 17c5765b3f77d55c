"""What people do with recommendations: events, experiments between versions, and what both say of a model."""
