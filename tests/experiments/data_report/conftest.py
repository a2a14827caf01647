from tests.data.conftest import dataset, dataset_events  # noqa: F401  fixtures
