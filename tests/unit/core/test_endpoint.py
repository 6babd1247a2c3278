from dari.core.endpoint import Endpoint, Parameter


def test_an_endpoint_can_be_made_with_its_defaults_and_be_a_key() -> None:
    # Python 3.11 refuses a mappingproxy as a dataclass default, because it has no hash there
    row = Endpoint(id="a.b", provider="kis", title="x", parameters=(Parameter(name="p", codes={"1": "one"}),))
    assert {row: 1}[row] == 1
    assert dict(row.codes) == {}
