"""What every section of the settings is made of."""

from typing import Annotated

import pydantic

Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Positive = Annotated[float, pydantic.Field(gt=0)]
Count = Annotated[int, pydantic.Field(ge=1)]


class Section(pydantic.BaseModel):
    """Base of all sections: frozen, and strict about names."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
