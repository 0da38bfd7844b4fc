// What this branch adds to the API: path → function that gives the answer.
export const endpoints = {};
