"""Users: people of the team with a seat in the console."""

from typing import Annotated

from pydantic import AfterValidator, Field

from models.values.roles import PEOPLE, Role
from service.api.shapes.base import Answer, Moment, Request, ShortText, UserId


def _of_people(role: Role) -> Role:
    if role not in PEOPLE:
        raise ValueError(f"a person can be {', '.join(PEOPLE)}; {role} is for keys")
    return role


class UserPut(Request):
    """Give a person a seat. The same e-mail again changes name and role, and enables a seat that was disabled."""

    email: str = Field(
        max_length=320, pattern=r"^[^@\s]+@[^@\s]+$", description="Address by which the person is known here."
    )
    name: ShortText = Field(description="What the audit log calls the person; 1 to 200 characters.")
    role: Annotated[Role, AfterValidator(_of_people)] = Field(
        default=Role.MEMBER, description="What the person may do: docs/roles.md has the table."
    )


class UserAnswer(Answer):
    """A person's seat."""

    id: UserId = Field(description="Public id.")
    email: str = Field(description="Address, in lower case.")
    name: str = Field(description="What the audit log calls the person.")
    role: Role = Field(description="What the person may do.")
    created_at: Moment = Field(description="When the seat was given first.")
    disabled_at: Moment | None = Field(description="When the seat was taken away; null while it stands.")


class SignInCreated(Answer):
    """A link that signs a browser in, once. Whoever opens it first is this person."""

    url: str = Field(description="Link to the console; told once.")
    expires_at: Moment = Field(description="When it stops working unused.")
