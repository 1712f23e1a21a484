"""The hospital's gateway: the only room where a patient may be named."""
