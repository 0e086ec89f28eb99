// Salesforce's own command line, as its release puts it together: oclif, and the plugins that package.json names.
const { dirname } = require("node:path");
const oclif = require("@oclif/core");

oclif.run(process.argv.slice(2), dirname(process.env.NODE_PATH)).catch(oclif.handle);
