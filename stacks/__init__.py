"""The AWS CDK stacks: one file per stack, what several of them share in `constructs`."""
