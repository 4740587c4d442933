"""docs/guide/python.md, literally: its examples in one interpreter."""
import doctest
import os
import re

from conftest import GUIDE

PAGE = os.path.abspath(GUIDE)


def test_the_guide_does_what_it_says(place):
    with open(PAGE) as page:
        text = "\n".join(re.findall("```pycon\n(.*?)```", page.read(), re.S))
    test = doctest.DocTestParser().get_doctest(text, {}, "python.md", PAGE, 0)
    assert len(test.examples) > 20
    assert doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(test).failed == 0
