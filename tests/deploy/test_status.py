from deploy.status import ProgramStatus, StackStatus, lines


def test_a_program_is_a_line_and_what_is_wrong_with_it_the_last_column():
    status = StackStatus(healthy=False, notes=("something will end",), programs=(
        ProgramStatus("postgres", "running", 4711, 93_784, None),
        ProgramStatus("api", "backoff", None, None, "the API\ndoes not answer"),
    ))  # fmt: skip
    assert list(lines(status)) == [
        "program   state    pid   up for    health",
        "postgres  running  4711  26:03:04  healthy",
        "api       backoff                  the API does not answer",
        "something will end",
    ]
