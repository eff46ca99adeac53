"""Language models: providers, the offline composer, and wrappers that are models themselves."""
