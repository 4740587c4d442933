// report_look.js - what a reader's browser makes of a page, for tests/test_report.c.
//
// The test writes this and axe-core into the head of a copy of the page, before the
// page's own content. What is found goes into the document, a line each, where
// chromium --dump-dom prints it: "found: ..." for what is wrong, "looked: ..." once
// all has been looked at.
(() => {
    const lines = [];
    const found = (text) => lines.push('found: ' + String(text).replace(/\s+/g, ' ').slice(0, 300));

    // Whatever the page says or fetches from here on.
    for (const level of ['error', 'warn']) console[level] = (...words) => found('console: ' + words.join(' '));
    addEventListener('error', (event) => event.message && found('script: ' + event.message));
    document.addEventListener('securitypolicyviolation', (event) => found('request: ' + event.blockedURI));

    const requests = () => {
        for (const entry of performance.getEntriesByType('resource'))
            if (!entry.name.startsWith('data:') && !/\/(axe|look)\.js$/.test(entry.name)) found('request: ' + entry.name);
    };
    const pictures = () => {
        for (const image of document.images)
            if (!image.complete || image.naturalWidth === 0) found('broken picture: ' + image.alt);
    };
    const overflow = () => {
        const page = document.documentElement;
        if (page.scrollWidth > innerWidth) found(`overflow: ${page.scrollWidth} of ${innerWidth}`);
    };
    // A table that a wide window cuts; what is folded away has no width.
    const tables = () => {
        for (const frame of document.querySelectorAll('.scroll'))
            if (innerWidth >= 1200 && frame.scrollWidth > frame.clientWidth + 1)
                found(`cut table: ${frame.scrollWidth} of ${frame.clientWidth}: ${frame.getAttribute('aria-label')}`);
    };
    // A link that leads nowhere, or two places of one name.
    const links = () => {
        for (const link of document.querySelectorAll('a[href^="#"]'))
            if (!document.getElementById(link.hash.slice(1))) found('dead link: ' + link.hash);
        const names = new Set();
        for (const element of document.querySelectorAll('[id]')) {
            if (names.has(element.id)) found('two of the name: ' + element.id);
            names.add(element.id);
        }
    };
    const accessibility = async () => {
        const result = await axe.run(document, { resultTypes: ['violations'] });
        for (const rule of result.violations)
            for (const node of rule.nodes) found(`axe ${rule.id}: ${node.html.slice(0, 100)}`);
        return `axe ${axe.version}, ${result.passes.length} rules passed`;
    };

    addEventListener('load', async () => {
        let rules = 'axe did not run';
        try {
            requests();
            pictures();
            overflow();
            tables();
            links();
            rules = await accessibility();
        } catch (error) {
            found('look: ' + error);
        }
        lines.push(`looked: ${innerWidth} wide, ${document.images.length} pictures, ` +
                   `${document.querySelectorAll('table').length} tables, ${rules}`);
        const list = document.createElement('pre');
        list.textContent = '\n' + lines.join('\n') + '\n';
        document.body.replaceChildren(list);
    });
})();
